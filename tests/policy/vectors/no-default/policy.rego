package envelope.authz

import rego.v1

allow if input.principal.team == "support-ai"
