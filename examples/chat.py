"""One question, one answer, and the same question again: the second prompt comes from the provider's cache."""

from openai import OpenAI

client = OpenAI()
RULES = "You are the help desk of a railway. Answer in one sentence. " * 40

for question in ("When does the first train to Porto leave?", "And the last one?"):
    answer = client.chat.completions.create(
        model="gpt-4o-mini",
        messages=[{"role": "system", "content": RULES}, {"role": "user", "content": question}],
        temperature=0.2,
        max_tokens=100,
    )
    print(answer.choices[0].message.content)
