// 356: A program without an event handler.
int Size() { return 1; }
