"""What telling of a chat model's run costs, compared with the hook of the SDK that it calls, all else being equal."""

from __future__ import annotations

import importlib
import sys
from typing import Any

from overhead import CLIENT, Providers, Variant, above, measure

import otel_llm


def main() -> None:
    calls, rounds = (30, 5) if "--quick" in sys.argv else (100, 25)
    try:
        chat: Any = importlib.import_module("langchain_openai").ChatOpenAI
    except ImportError:
        sys.stdout.write("\nchat model of LangChain's: not measured, it is not installed\n")
        return
    model = chat(model="gpt-4o", api_key="none", temperature=0.5, max_tokens=100)
    transport: Any = vars(CLIENT)["_client"]
    model.root_client._client, model.client._client._client = transport, transport
    given: Any = vars(Providers())

    def run() -> Any:
        return model.invoke("Say hello.")

    taken = measure(
        [
            Variant("bare SDK", run),
            Variant(
                "SDK hook",
                run,
                lambda: otel_llm.instrument(exclude="langchain", **given),
                otel_llm.uninstrument,
            ),
            Variant("with its run", run, lambda: otel_llm.instrument(**given), otel_llm.uninstrument),
        ],
        calls,
        rounds,
    )
    hook, whole = above(taken, "SDK hook"), above(taken, "with its run")
    sys.stdout.write(
        f"\nrun of a chat model of LangChain's   (budget: at most 1.5 x the SDK's hook)\n"
        f"  SDK hook alone    {hook:+9.1f} us\n"
        f"  with the run      {whole:+9.1f} us   {whole / hook:5.2f} x\n"
    )


if __name__ == "__main__":
    main()
