"""The small lists that synthetic people, places and jobs are put together from."""

from __future__ import annotations

__all__ = [
    "CITIES",
    "COMPANY_NAME",
    "DEPARTMENTS",
    "FIRST_NAMES",
    "LAST_NAMES",
    "LEVELS",
    "MAIL_DOMAIN",
    "MOST_PEOPLE",
    "OFFICE_TITLES",
    "PLACES",
    "REGIONS",
    "STREETS",
    "TRADES",
    "WORKS",
]


def _listed(text: str) -> list[str]:
    return text.split(", ")


COMPANY_NAME = "Bluestem Electric"
MAIL_DOMAIN = "bluestem.example.test"
MOST_PEOPLE = 1_000_000

FIRST_NAMES = {
    "F": _listed(
        "Abigail, Adriana, Alice, Amara, Anita, Beatriz, Carla, Carmen, Celeste, Dana, Denise, Elena, "
        "Esther, Farah, Gloria, Grace, Hannah, Ingrid, Irene, Jasmine, Joy, Karen, Leila, Lucia, Maria, "
        "Maya, Nadia, Nora, Olga, Paula, Priya, Renee, Rosa, Ruth, Sofia, Tamara, Teresa, Valerie, Wanda, "
        "Yolanda"
    ),
    "M": _listed(
        "Aaron, Adrian, Alan, Andre, Antonio, Ben, Boris, Carlos, Cedric, Darnell, David, Diego, Earl, "
        "Edgar, Felix, Frank, George, Gilbert, Hector, Hugo, Ivan, Jamal, Jerome, Jorge, Kevin, Leon, Luis, "
        "Marcus, Miguel, Nathan, Omar, Oscar, Pedro, Quentin, Ramon, Samuel, Theo, Victor, Walter, Xavier"
    ),
}
LAST_NAMES = _listed(
    "Abbott, Acosta, Albers, Aldridge, Almeida, Archer, Ayala, Baines, Ballard, Barrow, Becerra, Bellamy, "
    "Birch, Blanco, Boone, Bristow, Cabrera, Calloway, Cantu, Carver, Castaneda, Chambers, Cordova, Crane, "
    "Dawson, Delgado, Dempsey, Duarte, Eastman, Elizondo, Emery, Escobar, Fairley, Farrow, Fontenot, "
    "Fuentes, Galloway, Garland, Gentry, Guidry, Hale, Harmon, Hebert, Hidalgo, Holloway, Ibarra, Ingram, "
    "Jasso, Keller, Kendrick, Landry, Ledoux, Lozano, Lyons, Maddox, Marino, McBride, Mercado, Monroe, Nava, "
    "Nolan, Ochoa, Odom, Orozco, Paxton, Pena, Prescott, Quintana, Rangel, Redding, Rios, Sallis, Serrano, "
    "Shelton, Tamayo, Thibodeaux, Trevino, Underwood, Valdez, Vance, Villarreal, Walsh, Whitlock, Yates, "
    "Zamora"
)
STREETS = _listed(
    "Alder, Birchwood, Canal, Cedar, Depot, Elm, Foundry, Harbor, Juniper, Lakeview, Magnolia, Mill, Orchard, Quarry"
)
CITIES = {
    "TX": _listed("Alderton, Bay Springs, Cotton Fork, Mesquite Bend, Three Oaks"),
    "LA": _listed("Belle Marais, Cypress Landing, Port Sable, St. Alban"),
    "OK": _listed("Red Mesa, Sandhill, Walnut Crossing"),
    "CO": _listed("Copper Ridge, Juniper Flats, Pine Gate"),
}
REGIONS = {"Gulf Coast": "TX", "Bayou": "LA", "Plains": "OK", "Mountain": "CO"}
"""Region to the state its office is in."""
DEPARTMENTS = _listed(
    "Commercial, Industrial, Service, Data Centers, Fire Alarm, Instrumentation, Low Voltage, "
    "Prefabrication, Solar, Substations, Tenant Works, Traffic Signals, Transmission, Underground, "
    "Water Plants"
)
PLACES = _listed(
    "Airport, Bayfront, Canal Street, Civic Center, Eastgate, Fairgrounds, Harbor, Hillcrest, Lakeside, "
    "Medical Center, Northpark, Old Mill, Riverside, Stadium, University, Westfield"
)
WORKS = _listed(
    "Substation Upgrade, Switchgear Replacement, Garage Lighting, Chiller Plant Power, Data Hall Fit-Out, "
    "Emergency Generators, Feeder Repair, Fire Alarm Retrofit, Motor Control Centers, Parking Deck, "
    "Pump Station, Solar Canopy"
)
TRADES = _listed(
    "Electrician, Lineman, Instrument Technician, Cable Splicer, Welder, Equipment Operator, Pipefitter, "
    "Fire Alarm Technician, Wireman, Carpenter, Laborer, Rigger, Controls Technician, Fabricator"
)
LEVELS = _listed(
    "{}, Journeyman {}, Lead {}, Apprentice {} 1st Year, Apprentice {} 2nd Year, Apprentice {} 3rd Year, "
    "{} Helper, {} Foreman, General Foreman - {}"
)
OFFICE_TITLES = _listed(
    "Accountant, Administrative Assistant, Area Manager, Branch Manager, Driver, Estimator, "
    "Payroll Specialist, Project Engineer, Project Manager, Purchasing Agent, Safety Manager, "
    "Superintendent, Warehouse Lead, Warehouse Worker"
)
