// 272: const of a function that is no method.
int Size() const { return 1; }
void OnTick() { Print(Size()); }
