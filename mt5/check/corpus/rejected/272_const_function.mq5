// 272: const of a function that is not a method.
int Size() const { return 1; }
void OnTick() { Print(Size()); }
