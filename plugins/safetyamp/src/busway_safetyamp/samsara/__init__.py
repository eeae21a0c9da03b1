"""The fleet: vehicles and drivers of Samsara."""
