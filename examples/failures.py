"""What goes wrong in a week of production: a refused request, a model that is not there, an answer cut short."""

from openai import APIStatusError, OpenAI

client = OpenAI(max_retries=1)


def ask(model: str, **options: object) -> None:
    try:
        answer = client.chat.completions.create(
            model=model, messages=[{"role": "user", "content": "Hello?"}], **options
        )
        if options.get("stream"):
            answer = list(answer)[-1]
        print(model, "answered; finish reason:", answer.choices[0].finish_reason)
    except APIStatusError as error:
        print(model, "refused:", error.status_code, error.code)
    except Exception as error:  # older SDKs let the transport's own errors through
        print(model, "broke off:", type(error).__name__)


ask("gpt-4o-mini", max_tokens=5)
ask("gpt-9-imaginary")
ask("gpt-4o-overloaded")
ask("gpt-4o-broken-line", stream=True)
