# Says what changed today.
$script = @"
from utils.change_tracker import ChangeTracker
print(ChangeTracker)
"@
python -c $script
Get-Content ..\utils\error_manager.py | Select-String "log_error"
