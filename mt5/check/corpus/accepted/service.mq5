// A service: OnStart alone, sockets, an event for the charts.
#property service
#property version "1.00"
void OnStart()
  {
   int handle = SocketCreate();
   if(handle == INVALID_HANDLE || !SocketConnect(handle, "127.0.0.1", 6379, 500))
      return;
   uchar bytes[];
   while(!IsStopped())
     {
      uint waiting = SocketIsReadable(handle);
      int got = SocketRead(handle, bytes, waiting > 0 ? waiting : 1, 1000);
      if(got > 0)
         for(long chart = ChartFirst(); chart >= 0; chart = ChartNext(chart))
            if(!EventChartCustom(chart, 7, got, 0.0, ""))
               Print(GetLastError());
     }
   SocketClose(handle);
  }
