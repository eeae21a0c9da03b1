"""Events: session, journal, dispatcher, sinks and the event manager."""
