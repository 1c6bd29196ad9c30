/*
 * Every limit of the daemon in one place. What a user can run into is
 * documented in heard(1), heard.conf(5) or heard-protocol(7) under the same
 * number: a change here edits the page too.
 */
#ifndef HEARD_DAEMON_LIMITS_H
#define HEARD_DAEMON_LIMITS_H

enum {
	/* clients */
	LIMIT_CLIENTS = 128,           /* default of max-clients */
	LIMIT_CLIENTS_MAX = 4096,      /* highest max-clients */
	LIMIT_STREAMS = 64,            /* default of max-streams: pushed streams at once */
	LIMIT_STREAMS_MAX = 1024,      /* highest max-streams */
	LIMIT_LISTENERS = 16,          /* listening sockets, inherited ones included */
	LIMIT_BACKLOG = 64,            /* connections waiting to be accepted */
	LIMIT_READ_BYTES = 1 << 16,    /* read from a socket at once */
	LIMIT_QUEUE_BYTES = 1 << 20,   /* events queued for one client */
	LIMIT_DROP_GRACE_MS = 2000,    /* what a dropped client gets to read its error */
	LIMIT_PUSH_CHANNELS = 8,       /* channels of pushed audio */
	LIMIT_PUSH_RATE_MIN = 1000,    /* Hz */
	LIMIT_PUSH_RATE_MAX = 384000,  /* Hz */
	LIMIT_PUSH_SECONDS = 4 * 3600, /* of one pushed stream */
	LIMIT_PUSH_IDLE_SECONDS = 300, /* a pushed stream without audio */

	/* samples on their way to the engine */
	LIMIT_PUSH_RING_SECONDS = 2,  /* beyond it the socket is not read */
	LIMIT_LIVE_RING_SECONDS = 60, /* beyond it samples are dropped and counted */

	/* grammars of clients, compiled on a worker: 10000 phrases, and seconds at most */
	LIMIT_GRAMMAR_BYTES = 1 << 19,   /* of text, or of all phrases */
	LIMIT_GRAMMAR_NODES = 100000,    /* words and branches with all rules put in */
	LIMIT_GRAMMAR_STATES = 500000,   /* of the search graph before it is minimized */
	LIMIT_GRAMMAR_WORK = 2500000,    /* places of the grammar that these stand for */
	LIMIT_GRAMMARS_BYTES = 32 << 20, /* of memory, those of all clients together */

	/* engine */
	LIMIT_SPARE_STREAMS = 18,      /* the source, its keywords, and those being closed */
	LIMIT_BATCH = 16,              /* streams stepped together */
	LIMIT_COMMAND_BYTES = 1 << 16, /* loop to engine */
	LIMIT_RESULT_BYTES = 1 << 22,  /* engine to loop */
	LIMIT_RESULT_RECORD = 1 << 20, /* one result; words are left out above it */
	LIMIT_UTTERANCE_SECONDS = 30,  /* longest utterance (design 11.3) */

	/* ends */
	LIMIT_FINAL_MS = 4000, /* SIGTERM: then the committed text is the final */
	LIMIT_EXIT_MS = 4700,  /* SIGTERM: then the process leaves whatever is unsent */
};

#endif
