"""The Responses API: a structured answer, then a follow-up that refers to it, read as a stream."""

from openai import OpenAI
from pydantic import BaseModel

client = OpenAI()


class Train(BaseModel):
    number: int
    destination: str


first = client.responses.parse(
    model="gpt-5-mini",
    input="Which train goes to Faro? Number 574 goes there.",
    text_format=Train,
    reasoning={"effort": "low"},
)
print(first.output_parsed)

with client.responses.stream(
    model="gpt-5-mini", input="Say that in a sentence.", previous_response_id=first.id
) as stream:
    for event in stream:
        if event.type == "response.output_text.delta":
            print(event.delta, end="", flush=True)
print()
