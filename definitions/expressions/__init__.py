"""`expr_v1`: Python-like conditions over a run's data, given by strangers and evaluated in workflow code.

    step_outputs['check']['ok'] == True and input_data.region in ['eu', 'us']
    step_outputs.get('score', {}).get('value', 0) > 0.5
    ${sentiment.result.label} == 'POSITIVE'

Text is parsed with `ast`, held against a list of what is allowed (`parsing`), and compiled to closures once
(`compiling`). What is not listed is refused. There is no attribute access but to dictionary keys, no call but the few
in `functions`, no regular expression, no clock, no dependence on hash order; work and memory are bounded
(`operations`). The meaning of `expr_v1` never changes: a change is `expr_v2`.
"""

from definitions.expressions.expression import Expression, compile_expression

__all__ = ["Expression", "compile_expression"]
