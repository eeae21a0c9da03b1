"""When jobs run by themselves, and how the service that runs them is reached: the tables [schedule] and [service]."""
