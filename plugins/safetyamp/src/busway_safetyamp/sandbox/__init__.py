"""A SafetyAmp account on loopback and a synthetic Vista, to try things on.

Who needs one in a test or a demo takes :class:`busway_safetyamp.sandbox.server.Sandbox` with a world from
:mod:`busway_safetyamp.sandbox.seeding`. Nothing here is imported by the clients or the jobs.
"""
