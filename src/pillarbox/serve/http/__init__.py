"""The HTTP server: uvicorn and Starlette in the server's loop; routes are handed in by `app`."""
