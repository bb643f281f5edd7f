// no_exceptions: An exception.
void OnTick() { throw 1; }
