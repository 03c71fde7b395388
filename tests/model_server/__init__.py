"""A scripted model server: OpenAI chat completions and embeddings that do what a test tells them to do.

Start it with ``python -m tests.model_server --port 0``; it prints its base URL when it is ready.
In Python use ``client.ModelServer``. Without a script every model repeats the last user message, and
embeddings count letters. For the script the message of a call for embeddings is its texts, a line each.

The script is a list of rules (``script.Rule``); the first one that fits a call gives its steps.
The first call takes the first step, the second call the second, and the last step is for ever.

==================  =============================================================================
PUT /script         replace the rules (a JSON list), start counting from the first step, close the
                    gate for steps with ``hold``
POST /release       let all held calls go on, now and later; ``?count=N`` lets only N go on
GET /stats          counters, calls by message, times of starts and aborts (``ledger.Stats``)
GET /stats/wait     the same, but only when ``?in_flight=N&started=N&finished=N&aborted=N&held=N``
                    (those given) hold together; 408 after ``timeout`` seconds (default 10)
DELETE /stats       start counting from 0 and forget the requests seen
GET /requests       the last 1,000 calls of models: headers, body, time
==================  =============================================================================
"""
