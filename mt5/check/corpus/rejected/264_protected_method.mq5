// 264: A protected method from outside.
class Box { protected: void Show() { Print("x"); } public: Box() { Show(); } };
Box g_box;
void OnTick() { g_box.Show(); }
