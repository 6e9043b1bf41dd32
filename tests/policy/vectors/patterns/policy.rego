package envelope.authz

import rego.v1

default allow := false

allow if regex.match("^[a-z0-9-]+/gpt-[0-9]+(\\.[0-9])?$", input.resource.model)

reasons contains "date" if regex.match(`^[0-9]{4}-[0-9]{2}-[0-9]{2}`, input.request.time)

reasons contains "loose" if regex.match("(eu|us)-?(west|east)*", input.resource.region)

reasons contains "dot" if regex.match("^.$", input.resource.region)

reasons contains "class" if regex.match("^[^a-c]+$", input.resource.region)
