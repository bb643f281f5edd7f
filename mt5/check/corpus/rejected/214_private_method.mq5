// 214: A private method from outside.
class Box { private: void Show() { Print("x"); } public: Box() { Show(); } };
Box g_box;
void OnTick() { g_box.Show(); }
