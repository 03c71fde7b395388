"""The API's objects, one file per resource: pydantic for requests, frozen values inside."""
