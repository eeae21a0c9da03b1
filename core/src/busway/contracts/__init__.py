"""What plugins implement and receive: one file per kind.

========================  =====================================================================
file                      nouns
========================  =====================================================================
``settings``              Settings, setting, Secret, SettingClass
``secrets``               SecretSource, SecretValue
``caches``                CacheBackend, InProcessCache, Entry and the optional abilities of a level
``coordination``          Coordinator, Lease, Quota
``limits``                Limiter: calls to an account that all processes share
``retry_after``           retry_after_seconds: a number, a fraction or a date
``durations``             durations as people write them
``events``                Event, Severity, EventError
``sinks``                 EventSink, Delivery
``records``               Record, Complete, Skip, Pending
``validators``            Validator, Validation
``fields``                FieldRule and the policies always, if_empty, create_only, never
``keys``                  MatchKey and its makers exact, casefolded
``patterns``              glob_regex, escape_glob: shell patterns over keys
``jobs``                  Job
``runs``                  Run, RunData, Stop: what a running job may use
``stopping``              stop_requested: the wish to stop, far below a run
``plugins``               PluginContext
``health``                HealthCheck, HealthResult
``clock``                 Clock, SystemClock
========================  =====================================================================

These shapes are the promise of contract version 1 (entry-point groups ``busway.v1.*``): they grow only
by optional parts. Importing this package imports none of the files; each is imported by its own name.
"""
