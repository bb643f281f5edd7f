// 155: A comma is missing.
void Show(const int a const int b) { Print(a, b); }
void OnTick() { Show(1, 2); }
