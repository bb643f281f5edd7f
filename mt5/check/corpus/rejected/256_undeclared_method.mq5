// 256: A method that does not exist.
class Box { public: Box() { Print("x"); } };
Box g_box;
void OnTick() { g_box.Show(); }
