// 224: The body of a method with other parameters.
class Box { public: Box() { Print("x"); } int Size(const int a); };
int Box::Size(const int a, const int b) { return a + b; }
Box g_box;
void OnTick() { Print(g_box.Size(1)); }
