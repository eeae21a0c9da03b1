"""Settings, layers with provenance, secrets and the configuration manager.

======================  ================================================================================
file                    nouns
======================  ================================================================================
``deployment``          Deployment: the folder and the file; ``file_check`` says what is wrong in it,
                        ``toml_lines`` where
``boot``                Boot: stage 0, without pydantic; ``selecting`` picks plugins, ``busway_names`` knows
                        the core's variables
``env_source``,         the built-in secret sources; ``sources`` makes them for stage 1
``dotenv_source``
``near_value``          a setting before any plugin is loaded, for checks
``declarations``        Declaration, Catalog: what can be set; ``core_settings`` are the core's own,
                        ``flag_settings`` those of a migration, ``flags`` what they may say
``layers``              Layers, Found: where a value can come from, in order
``resolver``            Resolver: values remembered for as long as they may be used; ``memory`` says how long,
                        ``flights`` asks once for many, ``known_secrets`` keeps rotated ones masked
``held_source``         HeldSource: a source that failed is left alone; ``transitions`` tells when it goes and
                        comes back
``audit``               SecretAudit: who asked for which secret; ``reader`` finds out who
``secret_state``        SecretState: what is known of a secret; ``secret_dates`` its warnings
``sections``            Sections: models built from values; ``values`` makes text fit a type, ``refusals`` and
                        ``complaints`` say what is wrong without saying the value
``explanation``         Explanation: where a value comes from; ``explaining`` finds it out
``status``              the masked status; ``env_example`` the ``.env.example``; ``sql`` the connection string
``secret_rows``,        what a check says of each secret; ``schema`` is the JSON Schema of ``busway.toml``
``secret_warnings``
``state``, ``manager``  ConfigManager: one method per sentence; its state is what managers share
======================  ================================================================================
"""
