package envelope.lib

is_staff(principal) if principal.team == "staff"
