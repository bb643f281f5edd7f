// 211: A private member from outside.
class Box { private: int m_size; public: Box() { m_size = 1; } };
Box g_box;
void OnTick() { Print(g_box.m_size); }
