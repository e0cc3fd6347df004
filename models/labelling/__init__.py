"""Labelling of calls by people: the queue, blind double labels, disputes, and exchange with other labelling tools."""
