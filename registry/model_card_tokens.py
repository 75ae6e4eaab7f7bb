"""The model card's sections on tokens: how soon an answer begins and how fast it goes on, alone and under load."""

from registry.markdown import markdown_table
from tasks.records import Percentile, TokenLatency, TokenServer


def token_section(target: str, tokens: TokenLatency) -> str:
    """Token latencies of single requests on one target, and the rate that they give."""
    rows = _token_rows(tokens)
    rows.append(("completion tokens per second", f"{tokens.tokens_per_second:.4g}", ""))
    return markdown_table(f"Tokens on {target}, {tokens.queries} queries", ("metric", "measured", "at most"), rows)


def token_server_section(target: str, server: TokenServer) -> str:
    """Token latencies under load on one target, and the rate that was sustained."""
    sustained, rows = server.sustained_tokens_per_second, _token_rows(server)
    bounds = f"{server.ttft_bound_ms:g} ms to the first token and {server.tpot_bound_ms:g} ms per further token"
    rows.append((f"tokens per second within {bounds}", "none" if sustained is None else f"{sustained:.4g}", ""))
    rows.append(("LoadGen", server.validity, ""))
    title = f"Tokens on {target}, Server at {server.target_qps:.4g} queries per second"
    return markdown_table(title, ("metric", "measured", "at most"), rows)


def _token_rows(tokens: TokenLatency | TokenServer) -> list[tuple[str, ...]]:
    def row(name: str, percentile: Percentile) -> tuple[str, ...]:
        bound = percentile.upper_bound_ms
        missing = f"{percentile.missing} more queries needed"
        return (
            f"{name}, p{percentile.percentile:g}",
            f"{percentile.value_ms:.3g}",
            missing if bound is None else f"{bound:.3g}",
        )

    rows = [row("time to the first token (ms)", entry) for entry in tokens.first]
    return rows + [row("time per further token (ms)", entry) for entry in tokens.further]
