"""Where the old code keeps what it knows: JSON files in a folder."""
import json
import os

FOLDER = os.environ.get("OLD_STORE", "old_store")


def append(name, entry):
    os.makedirs(FOLDER, exist_ok=True)
    with open(os.path.join(FOLDER, name + ".jsonl"), "a") as stream:
        stream.write(json.dumps(entry) + "\n")
