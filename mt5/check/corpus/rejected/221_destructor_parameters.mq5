// 221: A destructor with parameters.
class Box { public: ~Box(int a) { Print(a); } };
Box g_box;
void OnTick() { Print("x"); }
