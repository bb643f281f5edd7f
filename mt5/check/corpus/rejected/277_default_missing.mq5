// 277: A parameter without a default after one with a default.
void Show(const int a = 1, const int b) { Print(a, b); }
void OnTick() { Show(1, 2); }
