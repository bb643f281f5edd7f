// 204: A protected member from outside.
class Box { protected: int m_size; public: Box() { m_size = 1; } };
Box g_box;
void OnTick() { Print(g_box.m_size); }
