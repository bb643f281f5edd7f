// 72: A parameter hides a member.
class Box { private: int m_size; public: Box() { m_size = 0; } void Set(const int m_size) { Print(m_size); } };
Box g_box;
void OnTick() { g_box.Set(1); }
