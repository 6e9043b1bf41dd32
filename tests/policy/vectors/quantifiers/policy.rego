package envelope.authz

import rego.v1

default allow := false

allow if {
	every tool in input.request.tools { startswith(tool, "s") }
	some key, value in input.metadata
	key == "team"
	value == input.principal.team
}

pairs contains [i, tool] if some i, tool in input.request.tools

reasons contains tool if some [_, tool] in pairs

obligations.tools := sort({tool | some tool in input.request.tools})

obligations.by_length := {count(tool): tool | some tool in input.request.tools}

obligations.index := {tool: i | some i, tool in input.request.tools}

obligations.empty if every x in [] { x == 1 }

obligations.absent if every x in input.nope { x == 1 }
