// 276: A list for a class.
class Box { private: int m_size; public: Box() { m_size = 1; } int Size() { return m_size; } };
Box g_box = {1};
void OnTick() { Print(g_box.Size()); }
