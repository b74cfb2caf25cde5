"""Bag-of-words baseline: logistic regression on word and word-pair counts of the plain transcript,
trained on the same conversations as the router (every message boundary is one example)."""

import random

from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression

from conversations import transcript
from generate import train_set


def fit_baseline(count, seed, ngrams=(1, 2)):
    """-> function message lists -> (agents, roles)."""
    rng = random.Random(seed)
    texts, agents, roles = [], [], []
    for c in train_set(count, seed):
        labelled = [k for k, label in enumerate(c.labels) if label]
        for k in {rng.choice(labelled), labelled[-1]}:
            texts.append(transcript(c.messages[: k + 1]))
            agents.append(c.labels[k][0])
            roles.append(c.labels[k][1])
    vectorizer = TfidfVectorizer(
        ngram_range=ngrams,
        min_df=2,
        sublinear_tf=True,
        max_features=60000,
        token_pattern=r"(?u)\w+|[^\w\s]",
    )
    x = vectorizer.fit_transform(texts)
    models = [
        LogisticRegression(C=4.0, max_iter=150, solver="lbfgs").fit(x, y) for y in (agents, roles)
    ]

    def predict(message_lists):
        z = vectorizer.transform([transcript(m) for m in message_lists])
        return models[0].predict(z), models[1].predict(z)

    return predict
