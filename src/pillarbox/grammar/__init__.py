"""The wire formats, pure: bytes in, values out; values in, bytes out. No input or output, no clock.

Each type is parsed and formatted in one module, which servers, clients, relay and tests share. The only error is
`SyntaxProblem`, for any input.
"""
