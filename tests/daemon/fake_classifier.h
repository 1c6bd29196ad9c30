/*
 * A classifier without a network (fake_classifier.c), and the hold that tests have
 * on it.
 */
#ifndef HEARD_TESTS_DAEMON_FAKE_CLASSIFIER_H
#define HEARD_TESTS_DAEMON_FAKE_CLASSIFIER_H

/* Called by each classifier_run, on its thread, where not NULL. Set before the
 * first one, changed only while it waits. */
extern void (*fake_classifier_running)(void);

#endif
