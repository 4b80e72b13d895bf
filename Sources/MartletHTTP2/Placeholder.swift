enum MartletHTTP2Placeholder {}
