"""What the clients of SafetyAmp, Microsoft Graph and Samsara have in common: calls, answers, retries, turns.

Nothing here knows a resource of any of them. :mod:`busway_safetyamp.remote.caller` is where to start reading.
"""
