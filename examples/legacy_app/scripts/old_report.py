# From before Python 3.
from utils.error_manager import error_manager
print "errors:", error_manager.get_error_summary()
