package envelope.authz

import rego.v1

default allow := false

allow := true if input.request.stream

allow := false if input.principal.team == "support-ai"
