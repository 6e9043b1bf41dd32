package envelope.authz

import rego.v1

default allow := false

at := time.parse_rfc3339_ns(input.request.time)

allow if {
	not weekend
	[hour, _, _] := time.clock(at)
	hour >= 8
	hour < 18
}

weekend if time.weekday(at) in {"Saturday", "Sunday"}

obligations.date := time.date(at)

obligations.paris := time.clock([at, "Europe/Paris"])

obligations.day := time.weekday([at, "America/New_York"])
