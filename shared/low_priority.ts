import { lowerThread } from './thread_priority.ts';

/* The threads that answer bars and people come before the one that imports this. */
lowerThread();
