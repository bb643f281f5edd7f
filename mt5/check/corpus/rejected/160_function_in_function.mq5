// 160: A function inside of a function.
void OnTick() { int Inner() { return 1; } Print(Inner()); }
