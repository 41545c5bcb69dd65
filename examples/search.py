"""Many things at once: embeddings and three questions side by side, under one span of the program's own."""

import asyncio

from openai import AsyncOpenAI
from opentelemetry import trace

tracer = trace.get_tracer("railway")
QUESTIONS = ("Is there a night train?", "May I bring a bicycle?", "Where is the lounge?")


async def main() -> None:
    client = AsyncOpenAI()
    with tracer.start_as_current_span("search"):
        vectors = await client.embeddings.create(model="text-embedding-3-small", input=list(QUESTIONS))
        print(len(vectors.data), "vectors of", len(vectors.data[0].embedding))
        answers = await asyncio.gather(
            *(
                client.chat.completions.create(
                    model="gpt-4o-mini", messages=[{"role": "user", "content": question}]
                )
                for question in QUESTIONS
            )
        )
        for answer in answers:
            print(answer.choices[0].message.content)


asyncio.run(main())
