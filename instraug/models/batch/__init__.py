"""The Batch API: chats in, replies into the journal by key, hours later.

lines     a chat as a line of a request file; a line of a result file as a reply
requests  chats into files that the API takes
service   the API itself: files and batches of one endpoint
book      what the journal notes of each batch
results   what a batch brought, recorded
batches   files of requests: sent, waited for, fetched
asking    until nothing is lacking
offline   the same files for an engine without the API
"""
