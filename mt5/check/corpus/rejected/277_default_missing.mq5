// 277: A parameter without a default behind one with.
void Show(const int a = 1, const int b) { Print(a, b); }
void OnTick() { Show(1, 2); }
