package envelope.authz

import rego.v1

default allow := false

allow if input.request.input_tokens + input.request.max_tokens <= 2000

obligations.sum := sum([input.request.input_tokens, input.request.max_tokens])

obligations.product := product([input.request.max_tokens, 3])

obligations.rest := input.request.input_tokens % 7

obligations.minus := input.request.max_tokens - input.request.input_tokens

obligations.rounded := [abs(-3), round(5), ceil(5), floor(5)]

obligations.budget := to_number(input.metadata.max_tokens) * 2
